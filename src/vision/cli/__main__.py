"""``python -m vision.cli``."""

from vision.cli import main

main()
