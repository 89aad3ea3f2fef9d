"""What is content and what is noise: by hand, and from gold texts of public sets."""
