"""Vision: deep networks for images, to train and with published weights."""
