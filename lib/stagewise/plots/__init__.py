"""What figures share: style, figures drawn with their numbers, marks, panels."""
