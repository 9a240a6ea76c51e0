"""The servers that `bench runtime` runs beside ours: each in a virtual environment of its own, outside the project."""
