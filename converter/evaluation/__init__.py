"""How well a model reads faces: classifiers of every format, metrics and figures."""
