# A kind of network devices as "ip -d link" shows it, such as bond or team.
type Linkaudit::Kind = Pattern[/\A[!-~]+\z/]
