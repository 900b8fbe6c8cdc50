package linkfiles

import (
	"strings"
	"sync"
)

// linkModes are the names that Advertise= and LinkMode= accept: those of link modes in
// linux/ethtool.h of the release's build, in lower case with dashes. Releases 243 to 246
// spelt the then newest with underscores.
var linkModes = sync.OnceValue(func() map[string]span {
	m := map[string]span{}
	for _, group := range []struct {
		known span
		names string
	}{
		{from(240), `
			10baset-half 10baset-full 100baset-half 100baset-full 1000baset-half 1000baset-full
			autonegotiation tp aui mii fibre bnc 10000baset-full pause asym-pause 2500basex-full backplane
			1000basekx-full 10000basekx4-full 10000basekr-full 10000baser-fec 20000basemld2-full
			20000basekr2-full 40000basekr4-full 40000basecr4-full 40000basesr4-full 40000baselr4-full
			56000basekr4-full 56000basecr4-full 56000basesr4-full 56000baselr4-full 25000basecr-full
			25000basekr-full 25000basesr-full 50000basecr2-full 50000basekr2-full 100000basekr4-full
			100000basesr4-full 100000basecr4-full 100000baselr4-er4-full 50000basesr2-full 1000basex-full
			10000basecr-full 10000basesr-full 10000baselr-full 10000baselrm-full 10000baseer-full
			2500baset-full 5000baset-full fec-none fec-rs fec-baser`},
		{span{243, 246}, `
			50000basekr_full 50000basesr_full 50000basecr_full 50000baselr_er_fr_full 50000basedr_full
			100000basekr2_full 100000basesr2_full 100000basecr2_full 100000baselr2_er2_fr2_full
			100000basedr2_full 200000basekr4_full 200000basesr4_full 200000basecr4_full
			200000baselr4_er4_fr4_full 200000basedr4_full`},
		{from(247), `
			50000basekr-full 50000basesr-full 50000basecr-full 50000baselr-er-fr-full 50000basedr-full
			100000basekr2-full 100000basesr2-full 100000basecr2-full 100000baselr2-er2-fr2-full
			100000basedr2-full 200000basekr4-full 200000basesr4-full 200000baselr4-er4-fr4-full
			200000basedr4-full 200000basecr4-full 100baset1-full 1000baset1-full 400000basekr8-full
			400000basesr8-full 400000baselr8-er8-fr8-full 400000basedr8-full 400000basecr8-full fec-llrs
			100000basekr-full 100000basesr-full 100000baselr-er-fr-full 100000basecr-full 100000basedr-full
			200000basekr2-full 200000basesr2-full 200000baselr2-er2-fr2-full 200000basedr2-full
			200000basecr2-full 400000basekr4-full 400000basesr4-full 400000baselr4-er4-fr4-full
			400000basedr4-full 400000basecr4-full`},
		{from(248), `
			100basefx-half 100basefx-full`},
		{from(254), `
			10baset1l-full 800000basecr8-full 800000basekr8-full 800000basedr8-full 800000basedr8-2-full
			800000basesr8-full 800000basevr8-full`},
		{from(256), `
			10baset1s-full 10baset1s-half 10baset1s-p2mp-half 10baset1brr-full`},
		{from(257), `
			200000basecr-full 200000basekr-full 200000basedr-full 200000basedr-2-full 200000basesr-full
			200000basevr-full 400000basecr2-full 400000basekr2-full 400000basedr2-full 400000basedr2-2-full
			400000basesr2-full 400000basevr2-full 800000basecr4-full 800000basekr4-full 800000basedr4-full
			800000basedr4-2-full 800000basesr4-full 800000basevr4-full`},
		{from(258), `
			1600000basecr8-full 1600000basekr8-full 1600000basedr8-full 1600000basedr8-2-full`},
	} {
		for _, name := range strings.Fields(group.names) {
			m[name] = group.known
		}
	}
	return m
})
