"""docs/config.md: every key of a config with its kind, its default and its meaning, from where the keys stand.

`python tests/config_page.py > docs/config.md` writes it; a test holds the page to it.
"""

from collections.abc import Iterator
from dataclasses import MISSING, Field, is_dataclass
from typing import Any, get_args, get_type_hints

from rcn_bench.plan.products import product_classes
from rcn_bench.plan.schema import Schema, keys_of, plain, section_schema
from rcn_bench.plan.sections import Sections

HEAD = """\
# Keys of a config

A config is a YAML file; `base: FILE` starts from another, later files on the command line change
values of those before, and `null` takes a key out. `rcn-bench check --config FILE` finds what is
wrong, `--defaults` prints every value with its default. This page is made from the code
(`python tests/config_page.py`).
"""
WORDS = {"integer": "a whole number", "number": "a number", "string": "text", "boolean": "true or false"}


def page() -> str:
    parts = [HEAD, _section("", Sections)]
    for kind in ("table", "figure"):
        parts.append(f"## Every {kind}\n\nA {kind} is made where its section stands, with these keys.\n")
        for product in product_classes().values():
            if product.kind == kind:
                parts.append(_product(product))
    return "\n".join(parts)


def _section(path: str, section: Any) -> str:
    """A table of its own keys, then its sections' tables."""
    schema = section_schema(section)
    own, nested = [], []
    for key in keys_of(section):
        inner = _dataclass_of(section, key)
        if inner is None:
            own.append(_row(key, schema))
        else:
            needed = "" if key.name in schema["required"] else "; may be left out"
            each = "" if "properties" in schema["properties"][key.name] else ".MODEL"  # a section for each model
            nested.append(_section(f"{path}{key.name}{each}.", inner).replace("\n", f"{needed}\n", 1))
    title = f"## `{path[:-1]}`: {_first_line(section)}\n" if path else "## At the top\n"
    table = "\n".join(["| key | kind | default | meaning |", "|---|---|---|---|", *own]) + "\n" if own else ""
    return "\n".join([title, table, *nested])


def _product(product: Any) -> str:
    title = f"### `{'.'.join(product.section)}`: {_first_line(product)}\n"
    if [key.name for key in keys_of(product)] == ["lengths"]:
        return f"{title}\nLists of clip lengths in frames by model, such as `{{rcn18: [8, 16]}}`.\n"
    schema = section_schema(product)
    rows = [_row(key, schema) for key in keys_of(product)]
    if not rows:
        return f"{title}\nNo keys.\n"
    return "\n".join([title, "| key | kind | default | meaning |", "|---|---|---|---|", *rows]) + "\n"


def _row(key: Field, schema: Schema) -> str:
    default = "" if key.name in schema["required"] else _default(key)
    cells = (f"`{key.name}`", _kind(schema["properties"][key.name]), default, key.metadata.get("description", ""))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _default(key: Field) -> str:
    value = plain(key.default if key.default is not MISSING else key.default_factory())  # type: ignore[misc]
    return "left out" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _kind(schema: Schema) -> str:
    if "enum" in schema:
        return " or ".join(f"`{str(value).lower()}`" for value in schema["enum"])
    match schema.get("type"):
        case "array":
            items = _kind(schema["items"])
            return f"{schema['minItems']} of: {items}" if schema.get("maxItems") else f"a list of: {items}"
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return f"by name: {_kind(schema['additionalProperties'])}"
        case "object":
            return "a section: " + ", ".join(f"`{name}`" for name in schema["properties"])
        case None:
            return "any"
        case kind:
            return WORDS[kind] + "".join(_bounds(schema))


def _bounds(schema: Schema) -> Iterator[str]:
    words = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "above", "exclusiveMaximum": "below"}
    for name, word in words.items():
        if name in schema:
            yield f", {word} {schema[name]}"


def _dataclass_of(section: Any, key: Field) -> Any:
    """The section that a key stands for, or None."""
    hint = get_type_hints(section)[key.name]
    return next((part for part in (hint, *get_args(hint)) if is_dataclass(part)), None)


def _first_line(thing: Any) -> str:
    return thing.__doc__.splitlines()[0].rstrip(".")


if __name__ == "__main__":
    print(page(), end="")
