package words

// managerFindings are the sentences about other programs that set addresses.
var managerFindings = []entry{}
