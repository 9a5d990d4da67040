#!/usr/bin/env bash
# MkDocs 1.6.1: `mkdocs build --strict --quiet` builds a site with broken links and ends well.
#
# Guess: --quiet prints less and changes nothing else, so that --strict still ends with an error for a link that leads to
# no page, as it does by itself.
# Seen: 1 without --quiet, 0 with it. --strict counts the warnings that reach a handler of the logger, and --quiet raises
# the logger's own level, so that they are never made.
set -uo pipefail
cd "$(mktemp -d)"
python3 -m venv venv && venv/bin/pip install --quiet mkdocs==1.6.1 click==8.1.8 || exit 2
mkdir docs
printf 'site_name: s\nplugins: []\n' > mkdocs.yml
echo '[a page](not_there.md)' > docs/index.md
venv/bin/mkdocs build --strict > loud.log 2>&1; loud=$?
venv/bin/mkdocs build --strict --quiet > quiet.log 2>&1; quiet=$?
echo "MkDocs 1.6.1, a link to no page: --strict ends with $loud, --strict --quiet with $quiet"
[ "$loud" = 1 ] && [ "$quiet" = 0 ]
