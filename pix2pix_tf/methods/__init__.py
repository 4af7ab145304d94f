"""Methods of image translation: what is learnt, apart from the loop that runs it."""
