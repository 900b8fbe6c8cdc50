package words

// deviceFindings are the sentences about one device.
var deviceFindings = []entry{}
