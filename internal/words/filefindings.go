package words

// fileFindings are the sentences about .link files, and the host as a whole.
var fileFindings = []entry{}
