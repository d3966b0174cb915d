"""`simulacra hosts deploy` as a program of its own, which ``nix run .#deploy`` runs."""

from __future__ import annotations

import sys

from simulacra.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["hosts", "deploy", *sys.argv[1:]]))
