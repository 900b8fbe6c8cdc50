package words

// imageFindings are the sentences about packages, overrides and initramfs images.
var imageFindings = []entry{}
