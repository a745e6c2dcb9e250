"""Numbers that are nobody's: those that regulators reserve for films, books and examples."""

from __future__ import annotations

import re

__all__ = ["is_fictitious"]

RESERVED = [
    # NANPA, 555 line numbers: 0100 to 0199 are for fiction in every area code. And 555 itself
    # is no area code.
    r"1(?:[2-9]\d\d55501\d\d|555\d{7})",
    # Ofcom, "Telephone numbers for use in TV and radio drama programmes": mobile, no area.
    r"44(?:7700900|1632960)\d{3}",
    # ARCEP, decision 2018-0881: mobile numbers for audiovisual works.
    r"3363998\d{4}",
    # ComReg, National Numbering Conventions: 020 91.
    r"3532091\d{5}",
    # PTS, "Telefonnummer för användning i böcker och filmer".
    r"467017406(?:0[5-9]|[1-9]\d)",
    # Bundesnetzagentur, Mitteilung 148/2021, "Drama Numbers".
    r"49(?:17139200\d\d|176040690\d\d|152(?:28817386|28895456|54599371))",
    r"49(?:172(?:9925904|9968532|9973185|9973186|9980752)|174(?:9091317|9464308))",
    # ACMA, "Phone numbers for use in TV shows, films and creative works".
    r"61491570(?:006|110|15[6-9]|313|737)",
    r"6149157(?:1(?:266|491|804)|2(?:549|665|983)|3(?:087|770)|4(?:118|632)|5(?:254|789))",
    r"6149157(?:6(?:398|801)|7(?:426|644)|8(?:148|888|957)|9(?:212|455|760))",
]

PATTERN = re.compile(rf"\+(?:{'|'.join(RESERVED)})", re.ASCII)


def is_fictitious(e164: str) -> bool:
    """Return whether nobody has this number, and nobody ever gets it.

    ``phonenumbers`` tells it of no number: it calls some of these valid, and others not.
    """
    return PATTERN.fullmatch(e164) is not None
