"""Document converters that `bench formats` runs beside our loaders, each in a virtual environment of its own."""
