"""Networks that learn a sample at a time, with River's protocol, whether River is installed or not."""
