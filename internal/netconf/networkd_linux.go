package netconf

import "linkaudit/linkfiles"

// ReadNetworkd reads the files below root; see linkfiles.ReadConfig.
func ReadNetworkd(root string) (*NetworkdFiles, error) {
	netdev, err := linkfiles.ReadConfig(root, linkfiles.NetDevFiles)
	if err != nil {
		return nil, err
	}
	network, err := linkfiles.ReadConfig(root, linkfiles.NetworkFiles)
	if err != nil {
		return nil, err
	}
	return &NetworkdFiles{netdev, network}, nil
}
