"""The network and how it learns: augmentation, targets, the training loop and its state."""
