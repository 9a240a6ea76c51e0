"""The chat page: static files that the server mounts. Nothing here is built, and nothing comes from another host."""

from pathlib import Path
from typing import Final

FOLDER: Final[Path] = Path(__file__).parent
"""Holds `index.html`, for `/`, and everything that it names under `/static/`."""
