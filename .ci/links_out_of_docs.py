"""For mkdocs: a link from docs/ to a file elsewhere in the repository is shown as the file's name."""

import logging
import re
from pathlib import Path
from typing import Any

LINK = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#]+)[^)]*\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    source = Path(page.file.abs_src_path).parent

    def shown(match: re.Match[str]) -> str:
        if not (source / match[2]).exists():
            logging.getLogger("mkdocs.links").warning("%s: %s is not there", page.file.src_uri, match[2])
        name = match[2].replace("../", "")
        return f"`{name}`" if match[1] in (name, f"`{name}`") else f"{match[1]} (`{name}`)"

    return LINK.sub(shown, markdown)
