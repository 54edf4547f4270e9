"""Networks and estimators for others to run: ONNX, C, PyTorch, scikit-learn; and back from the last two."""
