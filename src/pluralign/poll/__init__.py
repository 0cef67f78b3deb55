"""Ask voices a survey, store the answers, compare them with people. Knows engines only as a seam."""
