"""Fits of many estimators as one training: collected first, then in lanes or on threads."""
