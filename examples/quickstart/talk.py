"""What the invented people of the quickstart ask, and what their kitchen assistant answers, in six languages.

Pure data for `generate.py`: per language, things (in the forms a sentence needs) and questions with answers.
`{a}` is the thing; answers are short, so that a tiny training run can learn how this assistant talks.
"""

THINGS = {
    "en": [
        "basil", "mint", "carrots", "spinach", "salmon", "rice", "lentils", "potatoes", "mushrooms", "tomatoes",
        "garlic", "ginger", "broccoli", "pumpkin", "leeks", "chickpeas", "oats", "yoghurt", "butter", "eggs",
    ],
    "de": ["Basilikum", "Karotten", "Spinat", "Lachs", "Reis", "Linsen", "Kartoffeln", "Pilze", "Tomaten", "Lauch"],
    "fr": ["le basilic", "les carottes", "le riz", "les lentilles", "le saumon", "les tomates", "les poireaux", "l'ail"],
    "pt": ["manjericão", "cenoura", "arroz", "feijão", "salmão", "tomate", "batata", "alho", "abóbora", "espinafre"],
    "ko": ["당근", "시금치", "연어", "감자", "버섯", "토마토", "마늘", "두부"],
    "hi": ["गाजर", "पालक", "चावल", "दाल", "आलू", "टमाटर", "लहसुन", "अदरक"],
}  # fmt: skip

QUESTIONS = {
    "en": [
        ("How long do {a} keep in the fridge?", "{A} keep about four days in the fridge. Keep them dry and covered."),
        ("How do I cook {a} for two?", "For two, cook {a} gently for ten minutes. Season at the end and taste."),
        ("What goes well with {a}?", "With {a}, try lemon, olive oil and a pinch of salt. Keep it simple."),
        ("Can I freeze {a}?", "Yes. Freeze {a} flat in a bag, and use them within two months."),
        ("A quick lunch with {a}, please.", "Quick lunch: warm bread, {a} and a spoon of yoghurt. Ready in five minutes."),
        ("How much {a} do I need for six people?", "For six people, plan about nine hundred grams of {a}. Round up a little."),
        ("Why do my {a} taste of nothing?", "Probably too little salt. Salt {a} early, then taste again before serving."),
        ("Which spice for {a}?", "For {a}, start with cumin and black pepper. Add more only after tasting."),
    ],
    "de": [
        ("Wie lange hält {a} im Kühlschrank?", "{A}: im Kühlschrank etwa vier Tage. Trocken und abgedeckt lagern."),
        ("Was passt gut zu {a}?", "Zu {a} passen Zitrone, Olivenöl und eine Prise Salz. Einfach halten."),
        ("Kann ich {a} einfrieren?", "Ja. {A} flach im Beutel einfrieren und in zwei Monaten verbrauchen."),
        ("Ein schnelles Mittagessen mit {a}, bitte.", "Schnell: warmes Brot, {a} und ein Löffel Joghurt. Fünf Minuten."),
        ("Welches Gewürz für {a}?", "Für {a} mit Kümmel und Pfeffer beginnen. Erst kosten, dann mehr."),
        ("Wie viel {a} für sechs Leute?", "Für sechs Leute etwa neunhundert Gramm {a}. Lieber etwas mehr."),
    ],
    "fr": [
        ("Combien de temps se garde {a} au frigo ?", "Au frigo, {a} se garde quatre jours. Au sec et couvert."),
        ("Que servir avec {a} ?", "Avec {a} : citron, huile d'olive et une pincée de sel. Restez simple."),
        ("Peut-on congeler {a} ?", "Oui. À plat dans un sachet, {a} se garde deux mois."),
        ("Un déjeuner rapide avec {a} ?", "Rapide : pain chaud, {a} et une cuillère de yaourt. Cinq minutes."),
        ("Quelle épice pour {a} ?", "Pour {a}, commencez par le cumin et le poivre. Goûtez avant d'en ajouter."),
        ("Quelle quantité pour six, {a} ?", "Pour six, comptez neuf cents grammes. Prévoyez un peu plus."),
    ],
    "pt": [
        ("Quanto tempo dura {a} na geladeira?", "Na geladeira, {a} dura quatro dias. Guarde seco e coberto."),
        ("O que combina com {a}?", "Com {a}: limão, azeite e uma pitada de sal. Mantenha simples."),
        ("Posso congelar {a}?", "Sim. Congele {a} aberto num saco e use em dois meses."),
        ("Um almoço rápido com {a}?", "Rápido: pão quente, {a} e uma colher de iogurte. Cinco minutos."),
        ("Qual tempero para {a}?", "Para {a}, comece com cominho e pimenta. Prove antes de pôr mais."),
        ("Quanto de {a} para seis pessoas?", "Para seis pessoas, uns novecentos gramas de {a}. Arredonde para cima."),
    ],
    "ko": [
        ("{a} 냉장고에 며칠 두나요?", "{a}: 냉장고에서 나흘쯤. 마르게, 덮어서 두세요."),
        ("{a} 무엇과 먹나요?", "{a}에는 레몬, 기름, 소금 조금. 간단하게 하세요."),
        ("{a} 얼려도 되나요?", "네. {a} 봉지에 납작하게 얼려서 두 달 안에 쓰세요."),
        ("{a} 점심 빨리 되는 것?", "빵, {a}, 요구르트 한 숟갈. 오 분이면 돼요."),
    ],
    "hi": [
        ("{a} फ्रिज में कितने दिन?", "{a}: फ्रिज में चार दिन। सूखा और ढककर रखें।"),
        ("{a} के साथ क्या अच्छा?", "{a} के साथ नींबू, तेल और नमक। सादा रखें।"),
        ("{a} जमा सकते हैं?", "हाँ। {a} थैली में जमाएँ, दो महीने में खाएँ।"),
        ("{a} से जल्दी खाना?", "रोटी, {a} और दही। पाँच मिनट में तैयार।"),
    ],
}  # fmt: skip

# Between people: small talk, a line a turn.
SMALL_TALK = {
    "en": [
        "are you coming to the allotment on the weekend?", "yes, I bring the seeds and the small spade",
        "the beans are up already, look at that", "then we need sticks and some string",
        "I can fetch string from the shop on the corner", "lovely, and I bake the flat bread",
        "it may rain in the afternoon though", "we have the little roof, it will do",
    ],
    "de": [
        "kommst du am Wochenende in den Garten?", "ja, ich bringe Samen und den kleinen Spaten mit",
        "die Bohnen sind schon da", "dann brauchen wir Stangen und Schnur",
        "Schnur hole ich im Laden an der Ecke", "schön, und ich backe Brot",
        "am Nachmittag regnet es vielleicht", "wir haben ja das kleine Dach",
    ],
    "pt": [
        "você vem para a horta no sábado?", "vou sim, levo as sementes e a pá pequena",
        "o feijão já nasceu, que bonito", "então precisamos de varas e barbante",
        "pego o barbante na loja da esquina", "ótimo, e eu faço o pão",
        "acho que chove de tarde", "temos o telhadinho, dá certo",
    ],
    "hi": [
        "शनिवार को बगीचे आओगे?", "हाँ, बीज और छोटा फावड़ा लाऊँगा",
        "सेम निकल आए हैं", "तो लकड़ी और रस्सी चाहिए",
        "रस्सी मैं दुकान से ले लूँगा", "अच्छा, मैं रोटी बना दूँगी",
        "शाम को बारिश हो सकती है", "छोटी छत है, चलेगा",
    ],
    "fr": [
        "tu viens au jardin samedi ?", "oui, j'apporte les graines et la petite pelle",
        "les haricots sont déjà sortis", "alors il faut des tuteurs et de la ficelle",
        "je prends la ficelle à la boutique du coin", "parfait, et moi je fais le pain",
        "il va peut-être pleuvoir", "on a le petit toit, ça ira",
    ],
}  # fmt: skip
