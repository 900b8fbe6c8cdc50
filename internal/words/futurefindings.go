package words

// futureFindings are the sentences about what becomes of an address.
var futureFindings = []entry{}
