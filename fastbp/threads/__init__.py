"""How many cores a training may use, how many threads share each slice of it, and threads that Ctrl-C cannot spoil."""
