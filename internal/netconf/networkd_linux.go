package netconf

import "linkaudit/linkfiles"

// ReadNetworkd reads the files below root; see linkfiles.ReadKind.
func ReadNetworkd(root string) (*NetworkdFiles, error) {
	netdev, err := linkfiles.ReadKind(root, linkfiles.NetDev)
	if err != nil {
		return nil, err
	}
	network, err := linkfiles.ReadKind(root, linkfiles.Network)
	if err != nil {
		return nil, err
	}
	return &NetworkdFiles{netdev, network}, nil
}
