"""The command that lets a shell complete the others: completion."""

import argparse
import shlex
from collections.abc import Iterator
from functools import partial

from rcn_bench.cli.options import Commands, Options, add_command, add_examples

SCRIPT = """\
_rcn_bench() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" words=""
    case "${{COMP_WORDS[*]:1:COMP_CWORD-1}} " in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _rcn_bench rcn-bench"""


def add_commands(commands: Commands) -> None:
    text = "print what lets bash and zsh complete commands and options"
    completion = add_command(commands, "completion", partial(_completion, commands), text)
    completion.description = (
        'Prints what lets a shell complete commands and options: put eval "$(rcn-bench completion)" into ~/.bashrc, or '
        "into ~/.zshrc behind: autoload -U +X bashcompinit && bashcompinit"
    )
    add_examples(completion, "")


def _completion(commands: Commands, _: Options) -> None:
    known = [("", ["--help", "--version", *commands.choices])]
    for name, command in commands.choices.items():
        known += _words(name, command)
    cases = []
    for path, words in sorted(known, reverse=True):  # the longest first
        typed = f"'{path} '*" if path else "' '"
        cases.append(f"        {typed}) words={shlex.quote(' '.join(words))} ;;")
    print(SCRIPT.format(cases="\n".join(cases)))


def _words(path: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, list[str]]]:
    """Of each command, with those before it, what can follow."""
    words = []
    for action in parser._actions:  # argparse has no other way to them
        words += [option for option in action.option_strings if option.startswith("--")]
        if isinstance(action, argparse._SubParsersAction):
            words += action.choices
            for name, command in action.choices.items():
                yield from _words(f"{path} {name}", command)
    yield path, words
