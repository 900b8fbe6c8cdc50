package words

// evidenceFindings are the sentences that explain gives as evidence.
var evidenceFindings = []entry{}
