"""The pages in a real Chromium, driven by Playwright: what no parser of HTML can tell."""
