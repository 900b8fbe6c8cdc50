# A path from the root directory on.
type Linkaudit::Absolutepath = Pattern[/\A\/[^\0]*\z/]
