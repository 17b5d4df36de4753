"""From a file in a folder to documents: selection, admission, unwrapping, duplicates."""
