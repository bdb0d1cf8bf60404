"""The models that ship with the library, one folder each; they travel in the wheel as `vision.models`."""
