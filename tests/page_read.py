"""A page of results as a test reads it: tables by their ids, figures, texts and attributes, from its HTML alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

EMPTY = {"meta", "link", "img", "br", "input"}  # elements that no tag ends


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parts: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for part in self.parts:
            yield from [part] if isinstance(part, str) else part._texts()

    def all(self, tag: str = "", **attributes: str) -> list["Element"]:
        """Those within it, in order; attributes: that they have; class_: one of their classes."""
        found = []
        for part in self.parts:
            if isinstance(part, Element):
                if part._is(tag, attributes):
                    found.append(part)
                found += part.all(tag, **attributes)
        return found

    def one(self, tag: str = "", **attributes: str) -> "Element":
        (found,) = self.all(tag, **attributes)
        return found

    def _is(self, tag: str, attributes: dict[str, str]) -> bool:
        if tag and self.tag != tag:
            return False
        for name, value in attributes.items():
            has = self.attributes.get(name.rstrip("_"), "")
            if value not in (has.split() if name == "class_" else [has]):
                return False
        return True


class PageRead(HTMLParser):
    """top: the element that holds all others."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.top = Element("", {})
        self._open = [self.top]
        self.feed(text)
        assert [element.tag for element in self._open] == [""], "elements that no tag ends"

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].parts.append(element)
        if tag not in EMPTY:
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag):
        assert self._open.pop().tag == tag, f"</{tag}> ends another element"

    def handle_data(self, data):
        self._open[-1].parts.append(data)

    def table(self, name: str) -> tuple[list[str], list[list[str]]]:
        """The titles of its columns and the texts of its rows, without those that lead to origins."""
        element = self.top.one("table", id=name)
        titles = [cell.text for cell in element.one("thead").all("th") if not cell._is("", {"class_": "from"})]
        return titles, [[cell.text for cell in self.cells(row)] for row in element.one("tbody").all("tr")]

    def cells(self, row: Element) -> list[Element]:
        return [
            part for part in row.parts if isinstance(part, Element) and "from" not in part.attributes["class"].split()
        ]

    @property
    def text(self) -> str:
        return self.top.one("body").text
