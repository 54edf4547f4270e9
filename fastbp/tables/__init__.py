"""Tables as people have them, files of named columns of numbers and texts: read in blocks, turned into numbers."""
