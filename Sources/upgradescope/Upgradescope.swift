@main
struct Upgradescope {
    static func main() { print("upgradescope") }
}
