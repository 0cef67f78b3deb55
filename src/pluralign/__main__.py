"""``python -m pluralign`` is the ``pluralign`` command."""

from pluralign.cli.main import main

if __name__ == "__main__":
    main()
