package main

import (
	"fmt"
	"strings"
)

// group is a set of keys that are all tried with the same values.
type group struct {
	section string
	keys    string // separated by spaces
	values  []string
}

// hostile are tried with every key.
var hostile = []string{
	"", "0", "1", "-1", "+1", "-0", "yes", "no", "max", "off", "auto", "none", "infinity",
	"x", `""`, `"1"`, "'1'", `\1`, `a\ b`, `"open`, "1 2", "0x10", "010", "0b11", "0o17",
	"18446744073709551615", "18446744073709551616", "99999999999999999999999", "ü", "1K", "1,2", "%m", "/", "=", "a=b",
}

var numbers = []string{
	"2", "7", "15", "16", "00", "01", "08", "0x", "0xg", "0XfF", "0b", "0b2", "0B1", "0O7", "0o", "0o8", "0b-1", "0b-0", "0b+1", "0b 1", "0o-7",
	"0b0b1", "+0b1", "-0b0", "+0x1f", "-0x1", "--1", "+-1", "- 1", "+ 1", "1 ", "1_000", "1.0", "1e3", "1.", ".1",
	"67", "68", "255", "256", "4095", "4096", "4097", "8191", "8192", "16383", "16384", "16385", "65535", "65536",
	"2147483646", "2147483647", "2147483648", "4294967294", "4294967295", "4294967296", "0xffffffff", "0x100000000",
	"037777777777", "040000000000", "-4294967295", "-18446744073709551615", "9223372036854775807", "9223372036854775808",
	"\v5", "\f5", "\v-5", "\v-18446744073709551615", "maximum", "MAX", "Max", "1\u00a02", "١",
}

var booleans = []string{
	"YES", "Yes", "y", "Y", "true", "TRUE", "t", "T", "on", "ON", "On", "NO", "n", "N", "false", "FALSE", "f", "F", "OFF",
	"2", "00", "01", "enabled", "disable", "yes yes", "yes;", "ja", "tru", "true ", "unset", "auto",
}

var sizes = []string{
	"1B", "1b", "1k", "1KB", "1Ki", "1M", "1G", "1T", "1P", "1E", "15E", "16E", "17E", "18E", "19E", "1Z", "1.5K", "1.5", "1.K", ".5K", "1.0000001K",
	"0.9", "1.99999999999999999999", "1.18446744073709551616", "1K1", "1K 1", "1K 1B", "1K1K", "1M1K", "1K1M", "1G 1M 1K 1B 1", "1 K", "1  K  1", "1 1", "1B1", "1B1B",
	"1-", "1K-1", "1K -1", "1K+1", "+1K", "-1K", "10x", "10K x", "1,5K", "0x10K", "1.-5", "1.+5", "1. 5", "1..5", "1.5.5", "1.M", "4194304K", "4194303K", "4G", "3.9999999999G",
	"4294967295B", "18014398509481983K", "18014398509481984K", "18446744073709551615B", "10000M", "2500M", "16E1", "15E1023P",
}

var macs = []string{
	"00:11:22:33:44:55", "00-11-22-33-44-55", "0011.2233.4455", "AA:BB:CC:DD:EE:FF", "aA:Bb:cC:Dd:eE:fF", "0:1:2:3:4:5", "0-1-2-3-4-5", "1.2.3", "001.02.3", "a.b.c",
	"00:11:22:33:44", "00:11:22:33:44:", ":00:11:22:33:44:55", "00:11:22:33:44:55:", "00:11:22:33:44:55:66", "000:11:22:33:44:55", "00:11:22:33:44:555", "00:11:22:33:44-55", "00::22:33:44:55",
	"00 11 22 33 44 55", "001122334455", "00:11:22:33:44:gg", "0g:11:22:33:44:55", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "00:11:22:33:44:55 00:11:22:33:44:56",
	"0011.2233.4455.", ".0011.2233.4455", "0011.2233", "0011.2233.44555", "00112.233.4455", "0011.2233.4455.6677", "0011.2233.4455.6677.8899.aabb.ccdd.eeff", "0011.2233.4455.6677.8899.aabb.ccdd.eeff.0011.2233",
	"0011.2233.4455.6677.8899.aabb.ccdd.eeff.0011", "0011:2233:4455", "00.11.22.33.44.55",
	"1.2.3.4", "01.2.3.4", "1.2.3.04", "255.255.255.255", "256.1.1.1", "1.2.3", "1.2", "1.2.3.4.5", "1.2.3.4 ", "1.2.3.4/24", "0.0.0.0", "a.b.c.d", "0x1.2.3.4",
	"::", "::1", "1::", "fe80::1", "fe80::1%lo", "fe80::1%1", "2001:db8::1", "2001:DB8::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "1:2:3:4:5:6:7:8:9",
	"::ffff:1.2.3.4", "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "::ffff:1.2.3.256", "::ffff:1.2.3", "::ffff:01.2.3.4", "1:::2", ":1", "1:", ":", "::1::", "12345::", "[::1]", "::g",
	"00:11:22:33", "00-11-22-33", "0:1:2:3", "00:11:22", "00:11", "00", "00:11:22:33:44:55:66:77", "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff", "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33",
	"00-11-22-33-44-55-66-77-88-99-aa-bb-cc-dd-ee-ff-00-11-22-33", "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44", "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22",
	"\v00:11:22:33:44:55", "00:11:22:33:44:55\f", "random", "ab", "-", ".", "--", "0:", "0-",
}

var names = []string{
	"eth0", "bond0", "a", "abcdefghijklmno", "abcdefghijklmnop", "abcdefghijklmnopq", strings.Repeat("a", 127), strings.Repeat("a", 128), strings.Repeat("a", 300), ".", "..", "...", ".a", "a.b",
	"all", "default", "All", "ALL", "all0", "defaults", "lo", "123", "000", "0123", "4294967296", "2147483647", "2147483648", "99999999999", "0x10", "0xg", "0x7fffffff", "0x80000000", "0x0", "010", "08", "0b1", "0b2", "0o7", "0o8", "+5", "-5", "-0", "+0", "1a", "a1",
	"a b", "a:b", "a/b", "a%b", "eth%d", "%d", "a\tb", "a\x01b", "a\x7fb", "a\x1bb", "ä", "eth0 eth1", "eth0,eth1", `eth\x20`, `\eth0`, `e\th0`, `"eth0"`, `'eth0'`, `"eth0`, "eth0;", "#eth", "e#th", "~", "}", "\u00a0", "\v", "\veth0", "eth0\v",
	"eth0 all eth1", "all default", "eth0 eth0", `a\ b`, `a\\b`, `eth0 "`, `\"`, "eth*", "!eth0", "eth?", "[eth]",
}

var policies = []string{
	"kernel", "database", "onboard", "slot", "path", "mac", "keep", "Kernel", "KERNEL", "none", "random", "persistent", "kernel database", "kernel  database", "kernel\tdatabase",
	"keep kernel database onboard slot path", "kernel database onboard slot path mac", "keep kernel database onboard slot path mac", "mac path slot onboard database", "kernel kernel", "mac mac mac", "mac path mac path",
	"bogus", "bogus mac", "mac bogus", "mac bogus path bogus", "bogus bogus", "kernel,database", "kernel;", `"kernel"`, `'mac'`, `"mac path"`, `\mac`, `\kernel`, `m\ac`, `mac\ path`, `mac "path`, `mac "path slot`, "-mac", "mac\vpath", "mac\fpath", "mac -", "path\u00a0mac",
	"keep keep", "kernel mac kernel bogus", "ä", "mac=path",
}

var macPolicies = []string{
	"persistent", "random", "none", "Persistent", "PERSISTENT", "NONE", "Random", "persistent random", "none none", `"none"`, "'none'", `\none`, "none ;", "none#", "persistent\vx", "perm", "stable", "keep", "mac", "nöne", "none,", "persisten", "persistentt",
}

var words = []string{
	"full", "half", "Full", "FULL", "full half", `"full"`, "tp", "aui", "mii", "fibre", "bnc", "TP", "tp aui", "fiber", "mdi", "straight", "mdi-x", "mdix", "crossover", "auto", "MDI", "mdi x", "unknown",
	"single", "spread", "Single", "single spread", "local", "Local", "disable", "all", "All", "ALL",
}

var wols = []string{
	"phy", "unicast", "multicast", "broadcast", "arp", "magic", "secureon", "off", "Phy", "OFF", "phy unicast", "phy off", "off phy", "off off", "phy bogus", "bogus", "bogus bogus2", "phy,magic", `"phy"`, `"phy magic"`, `\phy`, `ph\y`, `phy\ magic`, "phy\tmagic", "phy phy",
	"phy unicast multicast broadcast arp magic secureon", "filter", `bogus "magic`, "none", "p",
}

var times = []string{
	"1s", "1sec", "1second", "1seconds", "1secs", "1min", "1m", "1minute", "1minutes", "1h", "1hr", "1hour", "1hours", "1d", "1day", "1days", "1w", "1week", "1weeks", "1month", "1months", "1M", "1y", "1year", "1years", "1ms", "1msec", "1us", "1usec", "1µs", "1μs", "1ns", "1nsec",
	"1.5s", "1.5", ".5", ".5s", "1.", "1.s", "1.sec", "3. 1", "3.+1", "0.-0", "12.34.56", "12.34 .56", "12.34s.56", "1s 1ms", "1s1ms", "1ms1s", "1s1s", "1 s", "1  s  2  ms", "s", "sec", "1sx", "1x", "1S", "1Sec", "-1s", "-0s", "+1s", "1s-1s", "1s -1s", "1s +1ms",
	"infinity", "infinity s", "Infinity", "infinityx", "inf", "4294s", "4294.967295s", "4294.967296s", "4295s", "71min", "72min", "1h 11min", "1h 12min", "4294967295us", "4294967296us", "0", "0s", "0.0000001s", "0.1us", "0.9us", "584542y", "584543y", "9223372036854775807", "9223372036854775808", "18446744073709551615us", "18446744073709us", "1e3", "0x10", "010",
	"1.18446744073709551616s", "1.99999999999999999999us", "\v5", "\v-5", "5\vs", "1\vs", "1s\v", "1us 1", "1 1us", "1 1", "5 5 5",
}

var cpus = []string{
	"0-3", "0,2", "0-3,8", "3-0", "1-", "-1", "1-2-3", "1--2", "0 1 2", "0,,1", ",", ",,", ",0", "0,", " ", "8191", "8192", "0-8191", "0-8192", "8192-8193", "4294967295", "4294967296", "0-4294967295", "4294967295-4294967295", "4294967294-4294967295", "a", "0 a 1", "0 a b", "a b 1", "3-1 2-1 0",
	"0x10", "0x10-0x1f", "010", "0b11", "+1", "+1-+2", `"0-3"`, `"0 1"`, `"0 - 3"`, `"0"-"3"`, `0"-3`, `"`, `'0'`, `0\-3`, `\0`, "0-3:2", "0-3/2", "all", "disable", "all 0", "disable 0", "ff", "ALL", "0..3", "0- 3", "0 -3", "0 - 3", "1-x", "x-1", `" 1"`, `"1 "`, `""`, `"-"`, `"" 1`,
}

var properties = []string{
	"A=1", "A=", "A", "=1", "1A=1", "_A=1", "A-B=1", "A.B=1", "ä=1", "A=ä", "A=1 B=2", "A=1 1B=2 C=3", `"A=1 2"`, `A="1 2"`, `A='1 2'`, `'A=1`, `A=\x20`, `A=\xff`, `A=\xc3\xa4`, `A=\x00`, `A=\x1`, `A=\q`, `A=\n`, `A=\t\s\a\b\f\v\r\"\'\\`, `A=\ `, `\101=1`, `A=\101`, `A=\400`, `A=\377`, `A=\000`, `A=\8`, `A=\u00e4`, `A=\ud800`, `B=1 A=\ud800 1C`, `A=\ufffe`, `A=\U0001F600`, `A=\U00110000`, `A=\U0000ffff`, `A=\u000`, `A=\u0000`, `A\x3d1`, `A\x3D1`,
	"ACTION=1", "DEVLINKS=1", "DEVNAME=1", "DEVPATH=1", "DEVTYPE=1", "DRIVER=1", "IFINDEX=1", "MAJOR=1", "MINOR=1", "SEQNUM=1", "SUBSYSTEM=1", "TAGS=1", "SYNTH_UUID=1", "DEVPATH_OLD=1", "MODALIAS=1", "DEVMODE=1", "DEVUID=1", "DEVGID=1", "DISKSEQ=1", "PARTN=1", "INTERFACE=1", "INTERFACE_OLD=1", "CURRENT_TAGS=1", "USEC_INITIALIZED=1", "UDEV_DATABASE_VERSION=1", "SYNTH_ARG_=1", "SYNTH_ARG_X=1", "SYNTH_ARG=1", "action=1", "ID_NET_NAME=1", "ID_NET_LINK_FILE=1",
	"A=%%", "A=%", "A=%a%A%b%B%H%l%q%v%o%w%W%M%T%V", "A=%Z", "A=%i", "A=%n", "A=%u", "A=%U", "A=%g", "A=%G", "A=%E", "A=%_", "A=%.", "A=%1", "A=%ä", "A=%h B=1", "B=1 A=%h", "A%%=1", "A%=1", "A%Z=1", "%T=1", "%V=1", "%v=1", "A%v=1", "A==", "A=B=C", "A=1 A=2", "A=1\tB=2", "a=1", "AB CD", "A;B=1",
	"ACTION", "DEVLINKS", "DEVNAME", "DRIVER", "IFINDEX", "MODALIAS", "INTERFACE", "INTERFACE_OLD", "TAGS", "CURRENT_TAGS", "SYNTH_UUID", "SYNTH_ARG_X", "PARTN", "DISKSEQ", "DEVMODE", "ID_PATH", "_", "1", "A B C", "A 1B C", "A ACTION C", `"A B"`, `"A`, `A\x42`, `A\x2d`, "A%%", "A%Z", "A%", "ID_NET_*", "A-B", "ä", "A TAGS=", "A\\", `A\\`,
}

var aliases = []string{
	"uplink to core", strings.Repeat("a", 254), strings.Repeat("a", 255), strings.Repeat("a", 256), strings.Repeat("a", 1000), strings.Repeat("ä", 10), "ä", "a\x01b", "a\x7f", `"quoted"`, `\x41`, "a\tb", "#x", "a;b", "ö" + strings.Repeat("a", 300), "tab\tend", "%m %H", "\x1b[31mred", "🙂",
}

var passwords = []string{
	"/", "/etc/passwd", "/nonexistent", "/a/../b", "/..", "/a/.", "//a", "/a//b", "/a/", "/a/..b", "/" + strings.Repeat("a", 255), "/" + strings.Repeat("a", 256), strings.Repeat("/abcdefg", 511), strings.Repeat("/abcdefg", 512), "./a", "a/b", "/a b", "/ä", "/a/...", "/./", "/" + strings.Repeat("/", 5000),
}

var vlans = []string{"802.1Q", "802.1ad", "802.1q", "802.1AD", "802.1Q ", "8021q", "802.1", `"802.1Q"`}

// modes are the names that any release has for Advertise=, including those with
// underscores.
var modes = strings.Fields(`
10baset-half 10baset-full 100baset-half 100baset-full 1000baset-half 1000baset-full autonegotiation tp aui mii fibre bnc
10000baset-full pause asym-pause 2500basex-full backplane 1000basekx-full 10000basekx4-full 10000basekr-full 10000baser-fec
20000basemld2-full 20000basekr2-full 40000basekr4-full 40000basecr4-full 40000basesr4-full 40000baselr4-full 56000basekr4-full
56000basecr4-full 56000basesr4-full 56000baselr4-full 25000basecr-full 25000basekr-full 25000basesr-full 50000basecr2-full
50000basekr2-full 100000basekr4-full 100000basesr4-full 100000basecr4-full 100000baselr4-er4-full 50000basesr2-full
1000basex-full 10000basecr-full 10000basesr-full 10000baselr-full 10000baselrm-full 10000baseer-full 2500baset-full
5000baset-full fec-none fec-rs fec-baser 50000basekr_full 50000basesr_full 50000basecr_full 50000baselr_er_fr_full
50000basedr_full 100000basekr2_full 100000basesr2_full 100000basecr2_full 100000baselr2_er2_fr2_full 100000basedr2_full
200000basekr4_full 200000basesr4_full 200000basecr4_full 200000baselr4_er4_fr4_full 200000basedr4_full
50000basekr-full 50000basesr-full 50000basecr-full 50000baselr-er-fr-full 50000basedr-full 100000basekr2-full
100000basesr2-full 100000basecr2-full 100000baselr2-er2-fr2-full 100000basedr2-full 200000basekr4-full 200000basesr4-full
200000basecr4-full 200000baselr4-er4-fr4-full 200000basedr4-full 100baset1-full 1000baset1-full 400000basekr8-full
400000basesr8-full 400000baselr8-er8-fr8-full 400000basedr8-full 400000basecr8-full fec-llrs 100000basekr-full
100000basesr-full 100000baselr-er-fr-full 100000basecr-full 100000basedr-full 200000basekr2-full 200000basesr2-full
200000baselr2-er2-fr2-full 200000basedr2-full 200000basecr2-full 400000basekr4-full 400000basesr4-full
400000baselr4-er4-fr4-full 400000basedr4-full 400000basecr4-full 100basefx-half 100basefx-full 10baset1l-full
800000basecr8-full 800000basekr8-full 800000basedr8-full 800000basedr8-2-full 800000basesr8-full 800000basevr8-full
10baset1s-full 10baset1s-half 10baset1s-p2mp-half 10baset1brr-full 200000basecr-full 200000basekr-full 200000basedr-full
200000basedr-2-full 200000basesr-full 200000basevr-full 400000basecr2-full 400000basekr2-full 400000basedr2-full
400000basedr2-2-full 400000basesr2-full 400000basevr2-full 800000basecr4-full 800000basekr4-full 800000basedr4-full
800000basedr4-2-full 800000basesr4-full 800000basevr4-full 1600000basecr8-full 1600000basekr8-full 1600000basedr8-full
1600000basedr8-2-full autoneg Autonegotiation 10BASET-FULL 10baset 10g bogus`)

var modeLists = []string{
	"tp aui", "tp bogus", "bogus tp bogus", "bogus bogus2", `"tp"`, `\tp`, `t\p`, `tp "aui`, "tp\taui", "tp,aui", "10baset-full 100baset-full", "tp tp", "tp\vaui",
}

const tristates = `AutoNegotiation ReceiveChecksumOffload TransmitChecksumOffload GenericSegmentationOffload TCPSegmentationOffload
	TCP6SegmentationOffload GenericReceiveOffload GenericReceiveOffloadHardware LargeReceiveOffload ReceiveVLANCTAGHardwareAcceleration
	TransmitVLANCTAGHardwareAcceleration ReceiveVLANCTAGFilter TransmitVLANSTAGHardwareAcceleration NTupleFilter RxFlowControl
	TxFlowControl AutoNegotiationFlowControl UseAdaptiveRxCoalesce UseAdaptiveTxCoalesce PartialGenericSegmentationOffload ReceiveFCS
	ReceiveAll ScatterGather ScatterGatherFragmentList TCPECNSegmentationOffload TCPMangleIdSegmentationOffload GenericReceiveOffloadList
	GenericReceiveOffloadUDPForwarding`

const channels = "RxChannels TxChannels OtherChannels CombinedChannels RxBufferSize RxMiniBufferSize RxJumboBufferSize TxBufferSize"

const coalesceFrames = `RxMaxCoalescedFrames RxMaxCoalescedIrqFrames TxMaxCoalescedFrames TxMaxCoalescedIrqFrames CoalescePacketRateLow
	RxMaxCoalescedLowFrames TxMaxCoalescedLowFrames CoalescePacketRateHigh RxMaxCoalescedHighFrames TxMaxCoalescedHighFrames`

const coalesceSecs = `RxCoalesceSec RxCoalesceIrqSec TxCoalesceSec TxCoalesceIrqSec StatisticsBlockCoalesceSec RxCoalesceLowSec
	TxCoalesceLowSec RxCoalesceHighSec TxCoalesceHighSec CoalescePacketRateSampleIntervalSec`

// groups: the hostile values go to every key; the others go to the key whose parser
// they are for, or to the first of the keys that share the parser.
var groups = []group{
	{"Link", "Description", append(aliases, words...)},
	{"Link", "MACAddressPolicy", append(macPolicies, policies...)},
	{"Link", "MACAddress", macs},
	{"Link", "NamePolicy AlternativeNamesPolicy", policies},
	{"Link", "Name AlternativeName", names},
	{"Link", "Alias", append(aliases, names...)},
	{"Link", "MTUBytes BitsPerSecond GenericSegmentOffloadMaxBytes", append(sizes, numbers...)},
	{"Link", "Duplex Port MDI IRQAffinityPolicy IRQAffinityNUMA", words},
	{"Link", "Advertise", append(modes, modeLists...)},
	{"Link", "WakeOnLan", wols},
	{"Link", "WakeOnLanPassword", append(passwords, macs...)},
	{"Link", "AutoNegotiation", booleans},
	{"Link", tristates, booleans[:3]},
	{"Link", "UDPSegmentationOffload", booleans},
	{"Link", "RxChannels RxBufferSize TransmitQueues TransmitQueueLength GenericSegmentOffloadMaxSegments RxMaxCoalescedFrames SR-IOVVirtualFunctions IRQAffinityNUMA", numbers},
	{"Link", channels, nil},
	{"Link", "ReceiveQueues", numbers[:20]},
	{"Link", coalesceFrames, nil},
	{"Link", "RxCoalesceSec StatisticsBlockCoalesceSec", times},
	{"Link", coalesceSecs, times[:5]},
	{"Link", "ReceivePacketSteeringCPUMask IRQAffinity", append(cpus, numbers...)},
	{"Link", "Property ImportProperty UnsetProperty", properties},
	{"Link", "NoSuchKey macaddress MacAddress MACAddressPolicy2", nil},
	{"SR-IOV", "VirtualFunction VLANId QualityOfService", numbers},
	{"SR-IOV", "VLANProtocol", vlans},
	{"SR-IOV", "MACSpoofCheck QueryReceiveSideScaling Trust LinkState", booleans},
	{"SR-IOV", "MACAddress", macs},
	{"EnergyEfficientEthernet", "Enable TxLowPowerIdle", booleans},
	{"EnergyEfficientEthernet", "TxLowPowerIdleSec", times},
	{"EnergyEfficientEthernet", "LinkMode", append(modes, modeLists...)},
	{"Ethernet", "Enable", nil},
	{"NoSuchSection", "Enable", nil},
	// Any value shows whether a release knows a key of [Match].
	{"Match", `MACAddress PermanentMACAddress OriginalName Path Driver Type Kind Property Host Virtualization KernelCommandLine
	KernelVersion Version Architecture Credential Firmware MachineTag NoSuchKey`, nil},
}

// casesFile returns the file for udevadm: each value once per key.
func casesFile() string {
	var b strings.Builder
	b.WriteString("# Written by test/capture-values; the udev-*.json files beside it refer to its line numbers.\n")
	b.WriteString("[Match]\nOriginalName=no-such-device\n")
	seen := map[string]bool{}
	last := "Match"
	for _, g := range groups {
		if g.section != last {
			fmt.Fprintf(&b, "[%s]\n", g.section)
			last = g.section
		}
		values := append(append([]string{}, hostile...), g.values...)
		if g.section == "Match" {
			values = []string{"x"}
		}
		for _, k := range strings.Fields(g.keys) {
			for _, v := range values {
				// White space around the value belongs to the grammar, and so does a
				// backslash at the end of the line.
				v = strings.Trim(v, " \t\n\r")
				if strings.HasSuffix(v, `\`) {
					continue
				}
				if l := k + "=" + v; !seen[g.section+l] {
					seen[g.section+l] = true
					b.WriteString(l + "\n")
				}
			}
		}
	}
	return b.String()
}

// policyLines returns the lines of cases.link that set MACAddress= or
// MACAddressPolicy= in [Link].
func policyLines() []string {
	var lines []string
	section := ""
	for _, l := range strings.Split(casesFile(), "\n") {
		if strings.HasPrefix(l, "[") {
			section = l
		}
		if section == "[Link]" && (strings.HasPrefix(l, "MACAddress=") || strings.HasPrefix(l, "MACAddressPolicy=")) {
			lines = append(lines, l)
		}
	}
	return lines
}
