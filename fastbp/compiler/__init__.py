"""What makes loops into machine code: the decorator and its cache, views that cost nothing, operations on numbers."""
