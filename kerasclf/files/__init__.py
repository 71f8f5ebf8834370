"""Files that are whole or absent: text, JSON, arrays, CSV and weights; locks, caches and temporary folders."""
