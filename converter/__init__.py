"""The desktop package: FER2013 and DenseNet121 to int8 TFLite. Never installed on a Pi."""
