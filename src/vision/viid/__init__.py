"""The video and image library of public security (GA/T 1400, VIID): its nouns, its answers, both of its roles."""
