"""EfficientNet-lite0, the pretrained network that comes with an installation."""
