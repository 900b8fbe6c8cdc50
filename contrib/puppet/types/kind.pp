# A kind of device as "ip -d link" shows it, such as bond or team.
type Linkaudit::Kind = Pattern[/\A[!-~]+\z/]
