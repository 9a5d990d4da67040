"""A key of a config stands in one place, as a field of a section: its JSON schema and its value are made from that."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

Schema = dict[str, Any]
Section = TypeVar("Section")

_JSON_TYPES = {int: "integer", float: "number", str: "string", bool: "boolean"}


class Limits(dict[str, Any]):
    """What JSON schema says of a value beside its type, as an annotation, which must have a hash."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(str(self))


def key(description: str = "", default: Any = MISSING) -> Any:
    """A key of a section. default: its value where a config leaves it out; without one it is required."""
    metadata = {"description": description} if description else {}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def schema_of(kind: Any) -> Schema:
    """The JSON schema of a type: a section (dataclass), number, text, list, mapping or choice, with what annotates it.

    None stands for a key that is left out, and is no value in a config.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return schema_of(arguments[0]) | arguments[1]
    if origin in (Union, types.UnionType):
        (kind,) = (part for part in arguments if part is not types.NoneType)
        return schema_of(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {
            "type": "array",
            "items": schema_of(arguments[0]),
            "minItems": len(arguments),
            "maxItems": len(arguments),
        }
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(arguments[1])}
    if is_dataclass(kind):
        return section_schema(kind)
    return {} if kind is Any else {"type": _JSON_TYPES[kind]}


def section_schema(section: Any) -> Schema:
    """The schema of a section's own keys; one that it lacks or does not know is refused."""
    hints = _hints(section)
    keys = keys_of(section)
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key.name for key in keys if not _has_default(key)],
        "properties": {key.name: schema_of(hints[key.name]) | dict(key.metadata) for key in keys},
    }


def keys_of(section: Any) -> tuple[Field, ...]:
    """The fields that are keys of a config, of a section or of its class."""
    return _keys(section if isinstance(section, type) else type(section))


@cache
def _keys(section: Any) -> tuple[Field, ...]:
    return tuple(key for key in fields(section) if key.metadata.get("key", True))


def parse(kind: Any, value: Any) -> Any:
    """A value that its schema has passed, as its type says: mappings become sections, and tuples tuples."""
    origin, arguments = get_origin(kind), get_args(kind)
    if value is None or kind is Any:
        return value
    if origin is Annotated:
        return parse(arguments[0], value)
    if origin in (Union, types.UnionType):
        return parse(next(part for part in arguments if part is not types.NoneType), value)
    if origin is tuple:
        return tuple(parse(part, item) for part, item in zip(arguments, value, strict=True))
    if origin is list:
        return [parse(arguments[0], item) for item in value]
    if origin is dict:
        return {name: parse(arguments[1], item) for name, item in value.items()}
    return parse_section(cast(type, kind), value) if is_dataclass(kind) else value


def parse_section(section: type[Section], values: Mapping[str, Any], **others: Any) -> Section:
    """A section of checked values; others: its fields that are no keys."""
    hints = _hints(cast(Any, section))
    known = {key.name: parse(hints[key.name], values[key.name]) for key in keys_of(section) if key.name in values}
    return section(**known, **others)


def plain(value: Any) -> Any:
    """A section as YAML has it, with every default, and without the keys that stand for nothing (None)."""
    if value is None or type(value) in _JSON_TYPES:  # most are, and grids of thousands of runs ask for many
        return value
    if is_dataclass(value) and not isinstance(value, type):
        parts = {key.name: plain(getattr(value, key.name)) for key in keys_of(value)}
        return {name: part for name, part in parts.items() if part is not None}
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, (list, tuple)) else value


@cache
def _hints(section: Any) -> dict[str, Any]:
    return get_type_hints(section, include_extras=True)


def _has_default(key: Field) -> bool:
    return cast(Any, key.default) is not MISSING or cast(Any, key.default_factory) is not MISSING
