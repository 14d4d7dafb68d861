"""Puts the model into the wheel; all else about the package is in pyproject.toml.

`models/` belongs to neither package. In a wheel its files lie in `edge/shipped_models`, where
edge/models.py finds them whatever folder the wheel is installed to.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["edge*", "converter*"]), "edge.shipped_models"],
    package_dir={"edge.shipped_models": "models"},
)
