"""Networks and models of tables as ONNX graphs."""
