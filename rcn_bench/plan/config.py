"""Reading a config: files merged, a base filled in, every key and value checked."""

import difflib
import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from rcn_bench.errors import InputError
from rcn_bench.plan.checks import check_experiment
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.paths import Paths
from rcn_bench.plan.products import product_classes
from rcn_bench.plan.products.base import Product
from rcn_bench.plan.schema import section_schema
from rcn_bench.plan.sections import Sections

Config = dict[str, Any]

LARGEST = 2**31 - 1  # of whole numbers; seeds are multiplied, and must stay within 64 bits
LONGEST_FILE, MOST_VALUES, DEEPEST = 10**5, 10**4, 50  # of a config: bytes, values and keys, nests
MOST_BRACKETS = 1000
LONGEST_KEY = 1000  # in characters; behind a question mark YAML would read any, and make a number of it
MOST_BASES = 10  # one below the other
LONGEST_MESSAGE = 300  # characters of what the schema says, which shows values as they are


def load_experiment(files: Sequence[str | Path], results: Path = Path("results")) -> Experiment:
    """The experiment of one config file, or of several, each of which changes values of those before it.

    A file may start from another, named by its key ``base`` from its own folder on. ``key: null`` takes a key out.
    Errors: InputError that names the file, the key and what is wrong with its value.
    """
    return check_config(merged(files), " + ".join(str(file) for file in files), results)


def experiment_in(folder: Path) -> Experiment:
    """The experiment whose results lie in a folder, wherever that is, by the config that lies with them.

    Errors: InputError if there is none, or as from ``load_experiment``.
    """
    file = Paths(folder).config
    if not file.is_file():
        raise InputError(f"{file}: not there; name a folder with the results of one experiment, such as results/mini")
    return check_config(merged([file]), str(file), folder.parent, folder)


def merged(files: Sequence[str | Path]) -> Config:
    """What the files say together, as yet unchecked."""
    config: Config = {}
    for number, file in enumerate(files):
        update(config, _with_base(Path(file), may_be_empty=number > 0))
    return config


def update(config: Config, changes: Mapping[str, Any]) -> None:
    """Change values of a nest of dicts, in place, as Snakemake does with several config files.

    Dicts are copied: where YAML has an anchor, two keys share one. A key that is a whole number, such as a clip length,
    becomes the text that JSON's schemas know, so that 128 and '128' are one.
    """
    for name, value in changes.items():
        key = str(name) if type(name) is int else name
        if isinstance(value, Mapping):
            before = config.get(key)
            config[key] = dict(before) if isinstance(before, dict) else {}
            update(config[key], value)
        else:
            config[key] = value


def typed(value: Any) -> Any:
    """A value of Snakemake's option --config, whose words and whose values in braces come as text, as YAML has it."""
    if isinstance(value, Mapping):
        return {key: typed(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [typed(part) for part in value]
    try:
        read = yaml.safe_load(value) if isinstance(value, str) else value
    except (yaml.YAMLError, ValueError, RecursionError):
        return value
    return read if read is None or isinstance(read, (bool, int, float)) else value


def with_base(config: Mapping[str, Any], file: Path) -> Config:
    """What a file says that somebody else has read, with the base that it names. Errors: as from merged."""
    whole: Config = {}
    update(whole, _filled_in(dict(config), file))
    return whole


def _with_base(file: Path, above: tuple[Path, ...] = (), *, may_be_empty: bool = False) -> Config:
    return _filled_in(_read(file, may_be_empty), file, above)


def _filled_in(config: Config, file: Path, above: tuple[Path, ...] = ()) -> Config:
    base = config.pop("base", None)
    if base is None:
        return config
    if not isinstance(base, str) or os.path.isdir(file.parent / base):
        raise InputError(f"{file}: base: {base!r} is not the name of a config file")
    path, above = file.parent / base, (*above, file.resolve())
    if not os.path.isfile(path):  # also for a name that no file can have
        raise InputError(f"{file}: base: {path}: no such file")
    if path.resolve() in above:
        raise InputError(f"{file}: base: {base} starts from this file itself; a base needs an end")
    if len(above) > MOST_BASES:
        raise InputError(f"{file}: base: {base} is one of more than {MOST_BASES} below each other; a base needs an end")
    whole = _with_base(path, above)
    update(whole, config)
    return whole


def _read(file: Path, may_be_empty: bool = False) -> Config:
    """may_be_empty: a file that only changes others may hold nothing, or comments alone."""
    try:
        if file.exists() and not file.is_file():  # a device or a pipe may have no end
            raise InputError(f"{file}: cannot read the config (not a file)")
        with file.open("rb") as opened:
            text = opened.read(LONGEST_FILE + 1)
        if len(text) > LONGEST_FILE:
            raise InputError(f"{file}: longer than {LONGEST_FILE:,} bytes, which no config is")
        config = _loaded(text.decode())
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{file}: cannot read the config ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: not YAML ({_yaml_reason(error)})") from error
    if config is None and may_be_empty:
        return {}
    if not isinstance(config, dict):
        raise InputError(f"{file}: not a config, which has keys and values, but {type(config).__name__}")
    return config


def _loaded(text: str) -> Any:
    """Errors: ValueError or yaml.YAMLError."""
    if text.count("[") + text.count("{") > MOST_BRACKETS:  # the time to scan those in each other grows as their square
        raise ValueError(f"more than {MOST_BRACKETS:,} lists and objects in brackets")
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _count(node, (), {})
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _count(node: Any, above: tuple[Any, ...], counted: dict[Any, int]) -> int:
    """The values and keys in a node, those again that stand there by an anchor.

    Errors: ValueError for a key that stands twice, of which YAML would take the last, or is longer than any, for a part
    of itself, and for more than any config has, which a few anchors of anchors can come to.
    """
    if node in above:
        raise ValueError(f"line {node.start_mark.line + 1}: an anchor that stands in its own value")
    if node in counted or not isinstance(node, yaml.CollectionNode):
        return counted.get(node, 1)
    if len(above) > DEEPEST:
        raise ValueError(f"line {node.start_mark.line + 1}: nested too deeply")
    parts = node.value
    if isinstance(node, yaml.MappingNode):
        keys: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if len(key.value) > LONGEST_KEY:
                    raise ValueError(f"line {key.start_mark.line + 1}: a key of more than {LONGEST_KEY:,} characters")
                # 128 and '128' are one, as ``update`` takes them, and so is 0x80.
                is_number = key.tag == "tag:yaml.org,2002:int"
                own = key.tag.replace(":int", ":str"), str(yaml.safe_load(key.value)) if is_number else key.value
                if own in keys:
                    raise ValueError(f"line {key.start_mark.line + 1}: the key {key.value!r} stands there twice")
                keys.add(own)
        parts = [part for pair in node.value for part in pair]
    counted[node] = 1 + sum(_count(part, (*above, node), counted) for part in parts)
    if counted[node] > MOST_VALUES:
        raise ValueError(f"line {node.start_mark.line + 1}: more than {MOST_VALUES:,} values, with those of anchors")
    return counted[node]


def check_config(
    config: Config, source: str, results: Path = Path("results"), folder: Path | None = None
) -> Experiment:
    """The experiment of a config, if every key and value of it can be. results, folder: as of an Experiment.

    Errors: InputError that names source, the key and what is wrong with its value.
    """
    try:
        config = _without_nulls(config)
        _check_schema(config)
        experiment = Experiment.of(config, results, folder)
        check_experiment(experiment)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    return experiment


def _without_nulls(value: Any, place: str = "") -> Any:
    """Errors: InputError for a key that is no text, such as 1.5 or on, which no schema looks at, or a text with NUL."""
    if isinstance(value, str) and "\0" in value:
        raise InputError(f"{place}: {value!r} has a NUL in it, which no name has")
    if isinstance(value, list):
        return [_without_nulls(part, f"{place}.{number}") for number, part in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    for key in value:
        if not isinstance(key, str):
            raise InputError(f"{place or 'the config'}: the key {key!r} is no text; put it in quotes")
    parts = {key: _without_nulls(part, f"{place}.{key}".lstrip(".")) for key, part in value.items()}
    return {key: part for key, part in parts.items() if part is not None}


def _check_schema(config: Config) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from jsonschema.validators import extend

    # JSON counts 4.0 as an integer, which range() does not, and YAML knows .nan and .inf.
    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: type(value) is int and abs(value) <= LARGEST,
            "number": lambda _, value: (
                (type(value) is int and abs(value) <= LARGEST) or (type(value) is float and math.isfinite(value))
            ),
        }
    )
    validator = extend(Draft202012Validator, type_checker=types)(config_schema(config))
    error = best_match(validator.iter_errors(config))
    if error is not None:
        raise InputError(_explain(error))


def config_schema(config: Config) -> dict[str, Any]:
    """The JSON schema of a config, the sections of its plugins' tables and figures included."""
    schema = section_schema(Sections)
    plugins = config.get("plugins", [])
    named = [plugin for plugin in plugins if isinstance(plugin, str)] if isinstance(plugins, list) else []
    products = product_classes(named)
    first: dict[tuple[str, str], type[Product]] = {}
    for product in products.values():
        other = first.setdefault(product.section, product)
        if other.schema() != product.schema():
            names = f"{other.kind} {other.name} and {product.kind} {product.name}"
            raise InputError(f"plugins: {names} have different keys in one section, {'.'.join(product.section)}")
    for group in ("tables", "figures"):
        schema["properties"][group] = {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                product.section[1]: product.schema() for product in products.values() if product.section[0] == group
            },
        }
    return schema


def _yaml_reason(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    told = f"line {mark.line + 1}: {getattr(error, 'problem', '')}" if mark else str(error)
    return " ".join(told.split())


def _explain(error: Any) -> str:
    key = ".".join(str(part) for part in error.absolute_path) or "the config"
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = list(error.schema.get("properties", {}))
        unknown = next(name for name in error.instance if name not in known)
        close = difflib.get_close_matches(str(unknown), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known keys are {', '.join(known) or 'none'}"
        return f"{key}: unknown key {unknown!r}; {hint}"
    if error.validator == "type" and type(error.instance) is int and abs(error.instance) > LARGEST:
        return f"{key}: too large; a whole number is at most {LARGEST}"
    if error.validator == "pattern":
        return f"{key}: {error.instance!r} cannot be a name; names are of small letters, digits and _"
    message = error.message
    if error.validator == "enum":
        value, *choices = (_as_in_yaml(each) for each in (error.instance, *error.validator_value))
        message = f"{value} is not one of {', '.join(choices)}"
    if error.validator == "type":
        types = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        message = f"{_as_in_yaml(error.instance)} is not a {' or '.join(map(_name_of_type, types))}"
    return f"{key}: {message[:LONGEST_MESSAGE]}{'...' if len(message) > LONGEST_MESSAGE else ''}"


def _name_of_type(name: str) -> str:
    """Of a type of JSON's schemas, in words that YAML's users have."""
    return {"object": "mapping", "array": "list", "integer": "whole number", "string": "text"}.get(name, name)


def _as_in_yaml(value: Any) -> str:
    """Such as true and null, not True and None."""
    return json.dumps(value, default=str, ensure_ascii=False)


def config_hash(parts: Any) -> str:
    """12 hexadecimal digits that change when any value in a nest of dicts and lists does."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
