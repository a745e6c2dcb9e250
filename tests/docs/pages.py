"""Read the pages of the documentation: fenced blocks, tables, headings and links."""

from __future__ import annotations

import json
import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "DOCS",
    "PAGES",
    "ROOT",
    "Block",
    "Curl",
    "all_blocks",
    "blocks",
    "commands",
    "curls",
    "first_line",
    "module_name",
    "page",
]

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *DOCS,
]

FENCE = re.compile(r'^(?P<indent> *)```(?P<language>[\w-]*)(?: title="(?P<title>[^"]*)")?$')
HEADING = re.compile(r"^#{1,6} (.+)$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block. ``title`` names the file that it belongs to, or an answer's status."""

    page: Path
    line: int
    language: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curl:
    """A request, and the answer that the page promises."""

    method: str
    path: str
    headers: dict[str, str]
    body: str
    status: int
    answer: Any


def page(name: str) -> Path:
    return ROOT / "docs" / name


def blocks(path: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    return list(_blocks(path))


def all_blocks() -> list[Block]:
    return [block for path in PAGES for block in blocks(path)]


def prose(path: Path) -> list[str]:
    """Return the lines of a page that are in no block."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for block in blocks(path):
        last = block.line + len(block.text.splitlines())
        lines[block.line - 1 : last + 1] = [""] * (last + 2 - block.line)
    return lines


def first_line(path: Path) -> str:
    """Return the first line of text below the title."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(line for line in lines[1:] if line)


def headings(path: Path) -> list[str]:
    return [found[1] for line in prose(path) if (found := HEADING.match(line))]


def links(path: Path) -> list[str]:
    """Return the targets of a page's links within the repository."""
    targets = LINK.findall("\n".join(prose(path)))
    return [target for target in targets if "://" not in target]


def rows(path: Path, heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its head."""
    lines = prose(path)
    start = next(n for n, line in enumerate(lines) if line.lstrip("#").strip() == heading)
    found: list[list[str]] = []
    for line in lines[start + 1 :]:
        if HEADING.match(line):
            break
        if line.startswith("|"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found[2:]


def anchor(heading: str) -> str:
    """Name a heading as GitHub and MkDocs do."""
    text = re.sub(r"[`*]", "", heading).lower()
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", text)).strip("-")


def module_name(block: Block) -> str:
    """Return the name that the file of a block is imported by."""
    return block.title.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def commands(block: Block) -> list[list[str]]:
    """Return the words of each command of a ``console`` block."""
    lines = block.text.replace("\\\n", " ").splitlines()
    split = [shlex.split(part) for line in lines for part in line.split(" && ")]
    return [words for words in split if words]


def curls(path: Path) -> list[Curl]:
    """Return the requests of a page. A block with one is followed by its answer."""
    found = []
    in_order = blocks(path)
    for block, following in zip(in_order, [*in_order[1:], None], strict=True):
        if block.language != "console" or not block.text.startswith("curl "):
            continue
        [words] = commands(block)
        assert following is not None
        assert following.language == "json", block
        found.append(_curl(words[1:], following))
    return found


def _curl(words: list[str], answer: Block) -> Curl:
    parser = ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-X", dest="method", default="")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="body", default="")
    args = parser.parse_args(words)
    return Curl(
        method=args.method or ("POST" if args.body else "GET"),
        path="/" + args.url.split("://")[1].split("/", 1)[1],
        headers=dict(header.split(": ", 1) for header in args.headers),
        body=args.body,
        status=int(answer.title),
        answer=json.loads(answer.text),
    )


def _blocks(path: Path) -> Iterator[Block]:
    start: re.Match[str] | None = None
    first, inside = 0, list[str]()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if start is None:
            start, first, inside = FENCE.match(line), number, []
            assert start or not line.lstrip().startswith("```"), f"{path}:{number}: {line}"
        elif line.strip() == "```":
            yield Block(
                page=path,
                line=first,
                language=start["language"],
                title=start["title"] or "",
                text="".join(f"{each}\n" for each in inside),
            )
            start = None
        else:
            inside.append(line.removeprefix(start["indent"]))
    assert start is None, f"{path}:{first}: this block has no end"
