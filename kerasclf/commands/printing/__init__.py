"""What commands print: lines, tables and the progress over many images."""
