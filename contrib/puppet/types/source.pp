# A source that the file resource takes.
type Linkaudit::Source = Pattern[/\A(\/|puppet:\/\/\/|file:\/\/\/|https?:\/\/)[^\0]+\z/]
