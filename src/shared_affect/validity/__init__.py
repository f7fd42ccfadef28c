"""Whether features that were found with words of emotions fire on texts that name none."""
